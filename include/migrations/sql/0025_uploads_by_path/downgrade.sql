drop index landing.upload_landing;
