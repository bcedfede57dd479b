"""Care of the data as a whole: backups, moving to another database, and what belongs to one person."""
