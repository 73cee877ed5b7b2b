-- Ids compare byte by byte (BINARY, SQLite's default), as policies compare them.

CREATE TABLE accounts (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL UNIQUE,
  plan TEXT NOT NULL
) STRICT;

CREATE TABLE workspaces (
  id TEXT NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES accounts (tenant),
  UNIQUE (id, tenant)
) STRICT;

CREATE TABLE members (
  tenant TEXT NOT NULL REFERENCES accounts (tenant),
  person TEXT NOT NULL,
  PRIMARY KEY (tenant, person)
) STRICT, WITHOUT ROWID;

-- Within one tenant: an admin here may be nobody there.
CREATE TABLE member_roles (
  tenant TEXT NOT NULL,
  person TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (tenant, person, role),
  FOREIGN KEY (tenant, person) REFERENCES members (tenant, person) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
  id TEXT NOT NULL PRIMARY KEY,
  title TEXT NOT NULL,
  workspace TEXT NOT NULL,
  tenant TEXT NOT NULL,
  owner TEXT NOT NULL,
  archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1, -- what was decided on is what is changed
  UNIQUE (id, tenant),
  FOREIGN KEY (workspace, tenant) REFERENCES workspaces (id, tenant),
  FOREIGN KEY (tenant, owner) REFERENCES members (tenant, person)
) STRICT;

CREATE INDEX projects_of_workspace ON projects (workspace, id);

CREATE TABLE collaborators (
  project TEXT NOT NULL,
  tenant TEXT NOT NULL,
  person TEXT NOT NULL,
  PRIMARY KEY (project, person),
  FOREIGN KEY (project, tenant) REFERENCES projects (id, tenant) ON DELETE CASCADE,
  FOREIGN KEY (tenant, person) REFERENCES members (tenant, person) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- A project as policies and clients see it.
CREATE VIEW project_rows AS
SELECT id, title, workspace, tenant, owner, archived, version,
  (SELECT json_group_array(person ORDER BY person) FROM collaborators WHERE project = projects.id) AS collaborators
FROM projects;

PRAGMA user_version = 1;
