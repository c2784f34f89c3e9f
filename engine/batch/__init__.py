"""Many recordings, one result file each: what one job is, where its result goes, and the workers that run jobs."""
