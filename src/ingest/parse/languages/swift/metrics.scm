(if_statement) @branch
(guard_statement) @branch
(for_statement) @branch
(while_statement) @branch
(repeat_while_statement) @branch
(switch_entry "case") @branch
(catch_block) @branch
(ternary_expression) @branch
(conjunction_expression) @branch
(disjunction_expression) @branch
(nil_coalescing_expression) @branch

(if_statement "{" (statements) @nest)
(for_statement (statements) @nest)
(while_statement (statements) @nest)
(repeat_while_statement (statements) @nest)
(switch_statement) @nest
(do_statement (statements) @nest)
(catch_block (statements) @nest)
