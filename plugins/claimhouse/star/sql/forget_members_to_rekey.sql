-- All facts of source system $1 point to the right states now.
delete from star.member_to_rekey where source_system = $1;
