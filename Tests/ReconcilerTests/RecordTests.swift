import Lifecycle
import Model
import Testing

@testable import Reconciler

/// Records in the store that another version of the program has written.
struct RecordTests {
    /// From before volumes were mounted for instances.
    private static let instance = """
        {"instance":{"_0":{"attempts":2,"containerID":"c1","createdHere":true,"desired":"running","isInspected":false,\
        "knowledge":{"present":{"_0":"created"}},"lastError":"no answer in time","phase":"starting",\
        "specification":{"container":{"capabilitiesAdded":[],"capabilitiesDropped":[],"command":["sleep","60"],\
        "cpuShares":0,"dataVolumes":[],"dns":[],"dnsSearch":[],"domainName":"","environment":{"A":"1"},\
        "extraHosts":[],"hostname":"","image":"nginx","labels":{},"memory":0,"milliCPUReservation":0,\
        "network":{"cni":{}},"openStandardInput":false,"ports":[],"privileged":false,"readOnlyRoot":false,\
        "stopSignal":"","tty":false,"user":"","volumesFrom":[],"workingDirectory":""},"externalID":"",\
        "name":"web","noop":false,"rancherID":"1i20","stopGraceSeconds":10,"uuid":"u-1","volumes":[]},\
        "startedAtBefore":"","story":{"createInFlight":false,"createMayFollow":false,"createUnknown":false,\
        "failure":"","imageMissing":false,"imageReady":false,"isIdentified":true,"killDone":false,"lateLooks":0,\
        "limboLooks":0,"looks":0,"nameConflicts":0,"pause":{"backOff":{}},"refusal":"","removals":0,\
        "startDone":false,"stopDone":false,"stops":0,"vanishings":0,"verdict":"","volumesReady":true}}}}
        """

    private static let volume = """
        {"volume":{"_0":{"attempts":0,"creations":0,"desired":"active","knowledge":{"present":{"driver":"local"}},\
        "lastError":"","looks":0,"phase":"active","removals":0,"specification":{"driver":"local","driverOptions":{},\
        "isHostPath":false,"name":"data","uri":""},"verdict":""}}}
        """

    @Test("The record of an instance that an earlier version has written is taken up where it was")
    func olderInstance() throws {
        guard case .instance(let machine) = try MachineCoding.decode(Self.instance, specification: "") else {
            Issue.record("no instance")
            return
        }
        #expect(machine.desired == .running)
        #expect(machine.phase == .starting)
        #expect(machine.createdHere)
        #expect(machine.attempts == 2)
        #expect(machine.containerID == "c1")
        #expect(machine.knowledge == .present(.created))
        #expect(machine.specification.container.network == .cni)
        #expect(machine.specification.container.command == ["sleep", "60"])
        #expect(machine.claims.isEmpty)
        #expect(machine.next == .wait(Patience.backOff(afterTries: 2)))
    }

    @Test("The record of a volume that an earlier version has written is taken up where it was")
    func olderVolume() throws {
        guard case .volume(let machine) = try MachineCoding.decode(Self.volume, specification: "") else {
            Issue.record("no volume")
            return
        }
        #expect(machine.phase == .active)
        #expect(machine.knowledge == .present(driver: "local"))
        #expect(machine.specification.name == "data")
        #expect(machine.holders.isEmpty)
    }

    @Test("What is no record of a machine stays none", arguments: ["", "{}", "[]", "{\"instance\":{}}", "{\"x\":{}}"])
    func noRecord(_ text: String) {
        #expect(throws: (any Error).self) { try MachineCoding.decode(text, specification: "") }
    }

    @Test("A record of a machine with nothing missing is read as it was written")
    func exact() throws {
        let fresh = ResourceMachine.volume(
            VolumeMachine(VolumeSpecification(name: "v", driver: "d"), desired: .removed))
        #expect(try MachineCoding.decode(MachineCoding.encode(fresh), specification: "") == fresh)
    }
}
