"""Names on their own floor: every metric that chatprobe serves, reads or draws, and the uids of its dashboards."""
