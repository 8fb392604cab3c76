(if_statement) @branch
(for_statement) @branch
(while_statement) @branch
(do_statement) @branch
(case_statement "case") @branch
(conditional_expression) @branch
(binary_expression operator: ["&&" "||"]) @branch

(if_statement consequence: (compound_statement) @nest)
(else_clause (compound_statement) @nest)
(for_statement body: (compound_statement) @nest)
(while_statement body: (compound_statement) @nest)
(do_statement body: (compound_statement) @nest)
(switch_statement body: (compound_statement) @nest)
