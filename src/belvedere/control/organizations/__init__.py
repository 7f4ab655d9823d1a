"""Organizations own devices; sites are their places; members hold roles on sites; reach says where they may connect."""
