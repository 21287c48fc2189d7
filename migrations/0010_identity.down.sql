drop table signing_keys, invitations, sessions, memberships, users;
