"""Amazon Web Services, through botocore: S3 and servers like it, HealthImaging."""
