"""The control plane: decides. People, organizations, devices, rights, audit, pages, API. It never touches video."""
