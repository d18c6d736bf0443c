// S-NAPTR (RFC 3958 §4.4): a record without a flag leads to the records of another domain, those to
// SRV records. D_EXTEND adds to the domain that is there.
D("thinkingcat.example", NewRegistrar("registrar"), DnsProvider("provider"),
  NAPTR("@", 100, 20, "", "EM:ProtB:ProtC", "", "thinkingcat.example.com."),
);
D("thinkingcat.example.com", NewRegistrar("registrar"), DnsProvider("provider"),
  NAPTR("@", 100, 20, "s", "EM:ProtB", "", "_ProtB._tcp.example.com."),
);
D("example.com", NewRegistrar("registrar"), DnsProvider("provider"));
D_EXTEND("example.com",
  SRV("_ProtB._tcp", 0, 10, 10001, "bigiron.example.com."),
  SRV("_ProtB._tcp", 0, 20, 10001, "backup.em.example.com."),
);
D_EXTEND("em.example.com",
  A("backup", "192.0.2.7"),
);
