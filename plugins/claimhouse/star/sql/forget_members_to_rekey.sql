-- The facts of source $1 point to the states they should.
delete from star.member_to_rekey where source_system = $1;
