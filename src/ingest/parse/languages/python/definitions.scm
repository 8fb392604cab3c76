(comment) @comment
(decorator) @attribute

(class_definition name: (identifier) @name superclasses: (argument_list)? @bases body: (block . (expression_statement . (string) @doc)?)) @definition.class
(function_definition name: (identifier) @name body: (block . (expression_statement . (string) @doc)?)) @definition.function
(type_alias_statement . (type) @name) @definition.type

(expression_statement (assignment left: (identifier) @name)) @definition.variable
(expression_statement (assignment left: (pattern_list (identifier) @name))) @definition.variable
