[(if_statement) (for_statement) (expression_case) (type_case) (communication_case)] @branch
["&&" "||"] @branch

(if_statement consequence: (_) @nest)
(if_statement alternative: (block) @nest)
(for_statement body: (_) @nest)
(expression_case) @nest
(type_case) @nest
(communication_case) @nest
(default_case) @nest
