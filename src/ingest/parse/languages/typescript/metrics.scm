[(if_statement) (for_statement) (for_in_statement) (while_statement) (do_statement) (switch_case) (catch_clause) (ternary_expression)] @branch
["&&" "||" "??"] @branch

(if_statement consequence: (_) @nest)
(else_clause (statement_block) @nest)
(for_statement body: (_) @nest)
(for_in_statement body: (_) @nest)
(while_statement body: (_) @nest)
(do_statement body: (_) @nest)
(switch_statement body: (_) @nest)
(try_statement body: (_) @nest)
(catch_clause body: (_) @nest)
