"""What the processes of the pool share: the fork server imports this before it makes the first of them.

Libraries are loaded, loops compiled and tables made once, and a process that replaces a crashed one is ready at once.
Importing does work here, against our custom, because importing is all that a fork server can be told to do.
"""

from features.workers.extraction import warm_up

warm_up()
