[(if_statement) (elif_clause) (for_statement) (while_statement) (except_clause) (conditional_expression) (case_clause) (if_clause) (for_in_clause) (assert_statement)] @branch
["and" "or"] @branch

(if_statement consequence: (_) @nest)
(elif_clause consequence: (_) @nest)
(else_clause body: (_) @nest)
(for_statement body: (_) @nest)
(while_statement body: (_) @nest)
(with_statement body: (_) @nest)
(try_statement body: (_) @nest)
(except_clause (block) @nest)
(finally_clause (block) @nest)
(case_clause consequence: (_) @nest)
