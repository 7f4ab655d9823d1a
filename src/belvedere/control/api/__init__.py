"""The REST API: one module per app, schemas beside their routes. Everything the pages can do, this can."""
