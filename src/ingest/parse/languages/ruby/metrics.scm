(if) @branch
(elsif) @branch
(unless) @branch
(while) @branch
(until) @branch
(for) @branch
(when) @branch
(in_clause) @branch
(rescue) @branch
(conditional) @branch
(if_modifier) @branch
(unless_modifier) @branch
(while_modifier) @branch
(until_modifier) @branch
(rescue_modifier) @branch
(binary operator: ["&&" "||" "and" "or"]) @branch

(then) @nest
(if alternative: (else) @nest)
(do) @nest
(case) @nest
(begin) @nest
(block) @nest
(do_block) @nest
