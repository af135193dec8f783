enum DockerEngineStub {}
