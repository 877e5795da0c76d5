select count(*) from quality.quarantine where feed = 'claims'
