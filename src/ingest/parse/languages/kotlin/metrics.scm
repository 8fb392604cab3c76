(if_expression) @branch
(for_statement) @branch
(while_statement) @branch
(do_while_statement) @branch
(when_entry) @branch
(catch_block) @branch
(binary_expression operator: ["&&" "||" "?:"]) @branch

(if_expression (block) @nest)
(for_statement (block) @nest)
(while_statement (block) @nest)
(do_while_statement (block) @nest)
(when_expression) @nest
(try_expression (block) @nest)
(catch_block (block) @nest)
