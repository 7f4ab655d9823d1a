"""Pages: one module per app, forms, templates, static files. Translates, makes one writing call, translates back."""
