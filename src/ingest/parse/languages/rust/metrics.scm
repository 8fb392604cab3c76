[(if_expression) (for_expression) (while_expression) (loop_expression) (match_arm)] @branch
["&&" "||"] @branch

(if_expression consequence: (_) @nest)
(else_clause (block) @nest)
(for_expression body: (_) @nest)
(while_expression body: (_) @nest)
(loop_expression body: (_) @nest)
(match_expression body: (_) @nest)
