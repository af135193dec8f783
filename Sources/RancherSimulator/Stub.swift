enum RancherSimulatorStub {}
