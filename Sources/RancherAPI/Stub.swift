enum RancherAPIStub {}
