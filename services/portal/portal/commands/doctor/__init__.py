"""`reclass doctor`: its checks, one by one."""
