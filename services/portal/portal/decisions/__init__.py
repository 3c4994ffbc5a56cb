"""The genre of each song given all that is known, as inference decides it; which songs people judge, and why."""
