(if_statement) @branch
(else_if_clause) @branch
(for_statement) @branch
(foreach_statement) @branch
(while_statement) @branch
(do_statement) @branch
(case_statement) @branch
(match_conditional_expression) @branch
(catch_clause) @branch
(conditional_expression) @branch
(binary_expression operator: ["&&" "||" "and" "or" "??"]) @branch

(if_statement body: (compound_statement) @nest)
(else_if_clause body: (compound_statement) @nest)
(else_clause body: (compound_statement) @nest)
(for_statement (compound_statement) @nest)
(foreach_statement body: (compound_statement) @nest)
(while_statement body: (compound_statement) @nest)
(do_statement body: (compound_statement) @nest)
(switch_block) @nest
(match_block) @nest
(try_statement body: (compound_statement) @nest)
(catch_clause body: (compound_statement) @nest)
