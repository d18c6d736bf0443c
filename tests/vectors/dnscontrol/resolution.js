// URI resolution (RFC 3403 §6.1, RFC 3404, RFC 2915 §7): services that are not ENUM's.
D("example.com", REGISTRAR("registrar"), SERVICE("provider"),
  NAPTR("@", 100, 50, "a", "z3950+N2L+N2C", "", "cidserver.example.com."),
  NAPTR("@", 50, 50, "a", "rcds+N2C", "", "cidserver.example.com."),
  NAPTR("@", 30, 50, "s", "http+N2L+N2C+N2R", "", "www.example.com."),
  NAPTR("www", 100, 100, "s", "http+I2R", "", "_http._tcp.example.com."),
  NAPTR("www", 100, 100, "s", "ftp+I2R", "", "_ftp._tcp.example.com."),
  SRV("_z3950._tcp", 0, 0, 1000, "z3950.beast.example.com."),
  SRV("_http._tcp", 10, 0, 80, "foo.example.com."),
);
