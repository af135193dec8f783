package import Model

/// What of an instance's machine is stored: all but the specification, which is stored beside it.
extension InstanceMachine: Recorded {
    package init() { self.init(InstanceSpecification(), desired: .running) }

    package mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.required("desired", &desired)
        try record.required("phase", &phase)
        try record.member("containerID", &containerID)
        try record.member("knowledge", &knowledge)
        try record.member("keepsVolumes", &keepsVolumes)
        try record.member("isInspected", &isInspected)
        try record.member("attempts", &attempts)
        try record.member("lastError", &lastError)
        try record.member("createdHere", &createdHere)
        try record.member("address", &address)
        try record.member("claims", &claims)
        try record.member("mountpoints", &mountpoints)
        try record.member("engineVolumes", &engineVolumes)
        try record.member("story", &story)
        try record.member("startedAtBefore", &startedAtBefore)
    }
}

extension InstanceMachine.Story: Recorded {
    mutating func exchange(with record: inout Record) throws(RecordError) {
        try record.member("isIdentified", &isIdentified)
        try record.member("isOnly", &isOnly)
        try record.member("volumesReady", &volumesReady)
        try record.member("volumesReleased", &volumesReleased)
        try record.member("isRepeatedRemoval", &isRepeatedRemoval)
        try record.member("isAgents", &isAgents)
        try record.member("addressDone", &addressDone)
        try record.member("addressLooks", &addressLooks)
        try record.member("imageReady", &imageReady)
        try record.member("imageMissing", &imageMissing)
        try record.member("createInFlight", &createInFlight)
        try record.member("createUnknown", &createUnknown)
        try record.member("createMayFollow", &createMayFollow)
        try record.member("lateLooks", &lateLooks)
        try record.member("startDone", &startDone)
        try record.member("stopDone", &stopDone)
        try record.member("killDone", &killDone)
        try record.member("refusal", &refusal)
        try record.member("failure", &failure)
        try record.member("verdict", &verdict)
        try record.member("pause", &pause)
        try record.member("looks", &looks)
        try record.member("limboLooks", &limboLooks)
        try record.member("nameConflicts", &nameConflicts)
        try record.member("vanishings", &vanishings)
        try record.member("removals", &removals)
        try record.member("stops", &stops)
    }
}

extension InstanceMachine.Pause: NamedAlternative { var saysNothing: Bool { self == .none } }
