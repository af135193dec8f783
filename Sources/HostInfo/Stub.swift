enum HostInfoStub {}
