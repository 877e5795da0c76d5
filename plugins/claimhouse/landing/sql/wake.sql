-- A noted delivery says something new after all. $1 its number.
update landing.file set same_as_file_id = null where file_id = $1;
