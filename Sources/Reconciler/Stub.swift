enum ReconcilerStub {}
