"""An embeddable commerce core on SQLAlchemy 2."""
