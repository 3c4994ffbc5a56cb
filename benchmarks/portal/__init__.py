"""Large libraries in the database: synced, imported, stored, shown, classified anew."""
