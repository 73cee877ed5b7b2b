INSERT INTO accounts (id, tenant, plan) VALUES ('acme', 'acme', 'team'), ('umbrella', 'umbrella', 'free');

INSERT INTO workspaces (id, tenant) VALUES ('space', 'acme'), ('labs', 'umbrella');

INSERT INTO members (tenant, person) VALUES
  ('acme', 'ada'), ('acme', 'ed'), ('acme', 'vic'), ('acme', 'bill'), ('acme', 'olga'), ('acme', 'carl'),
  ('umbrella', 'eve'), ('umbrella', 'vic');

-- Olga and Carl have no role. Vic looks on at Acme, and is an admin at Umbrella.
INSERT INTO member_roles (tenant, person, role) VALUES
  ('acme', 'ada', 'admin'), ('acme', 'ed', 'editor'), ('acme', 'vic', 'viewer'), ('acme', 'bill', 'billing'),
  ('umbrella', 'eve', 'admin'), ('umbrella', 'vic', 'admin');

INSERT INTO projects (id, title, workspace, tenant, owner, archived) VALUES
  ('apollo', 'Apollo', 'space', 'acme', 'olga', 0),
  ('gemini', 'Gemini', 'space', 'acme', 'olga', 1),
  ('mercury', 'Mercury', 'space', 'acme', 'ada', 0),
  ('soyuz', 'Soyuz', 'labs', 'umbrella', 'eve', 0);

INSERT INTO collaborators (project, tenant, person) VALUES ('apollo', 'acme', 'carl');
