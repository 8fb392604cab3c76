(import) @import.tree @import
