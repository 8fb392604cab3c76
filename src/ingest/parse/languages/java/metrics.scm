(if_statement) @branch
(for_statement) @branch
(enhanced_for_statement) @branch
(while_statement) @branch
(do_statement) @branch
(switch_label "case") @branch
(catch_clause) @branch
(ternary_expression) @branch
(binary_expression operator: ["&&" "||"]) @branch

(if_statement consequence: (block) @nest)
(if_statement alternative: (block) @nest)
(for_statement body: (block) @nest)
(enhanced_for_statement body: (block) @nest)
(while_statement body: (block) @nest)
(do_statement body: (block) @nest)
(switch_block) @nest
(try_statement body: (block) @nest)
(try_with_resources_statement body: (block) @nest)
(catch_clause body: (block) @nest)
