(if_statement) @branch
(for_statement) @branch
(foreach_statement) @branch
(while_statement) @branch
(do_statement) @branch
(switch_section "case") @branch
(switch_expression_arm) @branch
(catch_clause) @branch
(conditional_expression) @branch
(binary_expression operator: ["&&" "||" "??"]) @branch

(if_statement consequence: (block) @nest)
(if_statement alternative: (block) @nest)
(for_statement body: (block) @nest)
(foreach_statement body: (block) @nest)
(while_statement body: (block) @nest)
(do_statement body: (block) @nest)
(switch_body) @nest
(try_statement body: (block) @nest)
(catch_clause body: (block) @nest)
(using_statement body: (block) @nest)
(lock_statement (block) @nest)
