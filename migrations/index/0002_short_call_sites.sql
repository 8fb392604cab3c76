-- Members that most calls lack stand last and are left out: call sites are the largest table, by a quarter of it.
-- [[ord, caller, line, arity, receiver?, receiver_type?], …]
UPDATE call_sites SET sites = (
  SELECT json_group_array(json(
    CASE
      WHEN s.value->>3 IS NOT NULL
        THEN json_array(s.value->>0, s.value->>1, s.value->>4, s.value->>5, s.value->>2, s.value->>3)
      WHEN s.value->>2 <> ''
        THEN json_array(s.value->>0, s.value->>1, s.value->>4, s.value->>5, s.value->>2)
      ELSE json_array(s.value->>0, s.value->>1, s.value->>4, s.value->>5)
    END))
  FROM json_each(call_sites.sites) s);

DROP VIEW calls;
CREATE VIEW calls AS
  SELECT g.blob, s.value->>0 AS ord, g.repo, s.value->>1 AS caller, g.callee, coalesce(s.value->>4, '') AS receiver,
    s.value->>5 AS receiver_type, s.value->>2 AS line, s.value->>3 AS arity
  FROM call_sites g CROSS JOIN json_each(g.sites) s;
