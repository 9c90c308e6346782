"""Every metric that chatprobe serves, reads or draws, and the uids of its dashboards: the names that alerts and
dashboards stand on.
"""
