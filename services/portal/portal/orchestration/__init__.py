"""How runs are asked for, begun, tried again and ended: the engine, the schedule, the queue's tasks and the worker."""
