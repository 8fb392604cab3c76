(for_range_loop) @branch
(catch_clause) @branch

(for_range_loop body: (compound_statement) @nest)
(try_statement body: (compound_statement) @nest)
(catch_clause body: (compound_statement) @nest)
