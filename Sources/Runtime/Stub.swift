enum RuntimeStub {}
