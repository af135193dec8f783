import Lifecycle
import LosslessJSON
import Model
import Testing

/// The state machines as tables: the first step of a fresh wish, to the last cell.
struct TableTests {
    /// How the knowledge came about.
    enum Source: CaseIterable { case list, inspection }

    static let find = Step.perform(.findContainer(ContainerIdentity(ids: ["c1"], uuid: "u-1")))
    static let blindFind = Step.perform(.findContainer(ContainerIdentity(ids: [], uuid: "u-1")))
    static let create = Step.perform(.createContainer(instance(), mountpoints: [:]))
    static let start = Step.perform(.startContainer(id: "c1"))
    static let stop = Step.perform(.stopContainer(id: "c1", graceSeconds: 10))
    static let remove = Step.perform(.removeContainer(id: "c1", keepsVolumes: false))
    static let pause = Step.wait(Patience.pause)

    struct Cell: CustomTestStringConvertible, Sendable {
        let desired: InstanceDesire
        let knowledge: ContainerKnowledge
        /// From the engine's list or event stream, and from an inspection.
        let hinted: Step
        let inspected: Step

        var testDescription: String { "\(desired), \(knowledge)" }
    }

    static let cells: [Cell] = [
        Cell(desired: .running, knowledge: .unobserved, hinted: blindFind, inspected: blindFind),
        Cell(desired: .running, knowledge: .missing, hinted: create, inspected: create),
        Cell(desired: .running, knowledge: .present(.created), hinted: start, inspected: start),
        Cell(desired: .running, knowledge: .present(.running), hinted: find, inspected: .settle),
        Cell(desired: .running, knowledge: .present(.paused), hinted: find, inspected: .settle),
        Cell(desired: .running, knowledge: .present(.restarting), hinted: stop, inspected: stop),
        Cell(desired: .running, knowledge: .present(.removing), hinted: find, inspected: pause),
        // Whether it has run since cannot be told without knowing when it was started last.
        Cell(desired: .running, knowledge: .present(.exited), hinted: find, inspected: start),
        Cell(desired: .running, knowledge: .present(.dead), hinted: find, inspected: pause),

        Cell(desired: .stopped, knowledge: .unobserved, hinted: blindFind, inspected: blindFind),
        Cell(desired: .stopped, knowledge: .missing, hinted: blindFind, inspected: .settle),
        Cell(desired: .stopped, knowledge: .present(.created), hinted: find, inspected: .settle),
        Cell(desired: .stopped, knowledge: .present(.running), hinted: stop, inspected: stop),
        Cell(desired: .stopped, knowledge: .present(.paused), hinted: stop, inspected: stop),
        Cell(desired: .stopped, knowledge: .present(.restarting), hinted: stop, inspected: stop),
        Cell(desired: .stopped, knowledge: .present(.removing), hinted: find, inspected: .settle),
        Cell(desired: .stopped, knowledge: .present(.exited), hinted: find, inspected: .settle),
        Cell(desired: .stopped, knowledge: .present(.dead), hinted: find, inspected: .settle),

        Cell(desired: .removed, knowledge: .unobserved, hinted: blindFind, inspected: blindFind),
        Cell(desired: .removed, knowledge: .missing, hinted: blindFind, inspected: .settle),
        Cell(desired: .removed, knowledge: .present(.created), hinted: remove, inspected: remove),
        Cell(desired: .removed, knowledge: .present(.running), hinted: stop, inspected: stop),
        Cell(desired: .removed, knowledge: .present(.paused), hinted: stop, inspected: stop),
        Cell(desired: .removed, knowledge: .present(.restarting), hinted: stop, inspected: stop),
        Cell(desired: .removed, knowledge: .present(.removing), hinted: find, inspected: pause),
        Cell(desired: .removed, knowledge: .present(.exited), hinted: remove, inspected: remove),
        Cell(desired: .removed, knowledge: .present(.dead), hinted: remove, inspected: remove),
    ]

    /// A fresh wish that knows so much of its container.
    static func machine(
        _ specification: InstanceSpecification, _ desired: InstanceDesire, _ knowledge: ContainerKnowledge,
        _ source: Source
    ) -> InstanceMachine {
        var machine = InstanceMachine(specification, desired: desired)
        switch (knowledge, source) {
        case (.unobserved, _): break
        case (.missing, .list): machine.hinted(nil)
        case (.present(let state), .list):
            machine.hinted(ContainerSummary(id: "c1", name: "r-web-u", state: state, instanceUUID: "u-1"))
        case (.missing, .inspection): machine.step(.container(nil))
        case (.present(let state), .inspection):
            machine.step(.container(container(state, startedAt: state == .created ? "" : "t1")))
        }
        return machine
    }

    @Test("The table of instances has a row for every wish and everything that can be known")
    func complete() {
        let all = InstanceDesire.allCases.flatMap { desired in ContainerKnowledge.all.map { "\(desired) \($0)" } }
        #expect(Self.cells.map { "\($0.desired) \($0.knowledge)" } == all)
    }

    @Test("An instance takes the step that its table names (defects 39, 87d)", arguments: cells)
    func instanceTable(_ cell: Cell) {
        let hinted = Self.machine(instance(), cell.desired, cell.knowledge, .list)
        #expect(hinted.next == cell.hinted)
        #expect(!hinted.isInspected)
        let inspected = Self.machine(instance(), cell.desired, cell.knowledge, .inspection)
        #expect(inspected.next == cell.inspected)
        #expect(inspected.isInspected == (cell.knowledge != .unobserved))
        #expect(inspected.phase == .requested)
    }

    @Test(
        "An instance whose known container is gone from the host fails only after an inspection",
        arguments: Source.allCases)
    func deletedFromHost(_ source: Source) {
        let machine = Self.machine(instance(externalID: "c9"), .running, .missing, source)
        switch source {
        case .list: #expect(machine.next == .perform(.findContainer(ContainerIdentity(ids: ["c9"], uuid: "u-1"))))
        case .inspection: #expect(machine.next == .fail("Container c9 has been deleted from the host"))
        }
    }

    @Test("A no-op is only looked at, unless it is a removal", arguments: cells)
    func noop(_ cell: Cell) {
        var specification = instance()
        specification.noop = true
        for source in Source.allCases {
            let next = Self.machine(specification, cell.desired, cell.knowledge, source).next
            guard cell.desired != .removed else {
                #expect(next == (source == .list ? cell.hinted : cell.inspected))
                continue
            }
            if source == .inspection, cell.knowledge != .unobserved {
                #expect(next == .settle)
            } else if case .perform(.findContainer) = next {
            } else {
                Issue.record("\(next) is no mere look")
            }
        }
    }

    @Test("Volumes come before a create and before a start, and are given back after a stop", arguments: cells)
    func volumes(_ cell: Cell) {
        let volume = VolumeSpecification(name: "v", driver: "local")
        var specification = instance()
        specification.volumes = [volume]
        for (source, plain) in [(Source.list, cell.hinted), (.inspection, cell.inspected)] {
            let next = Self.machine(specification, cell.desired, cell.knowledge, source).next
            switch plain {
            case Self.create, Self.start: #expect(next == .require([.volume(volume, holder: "u-1")]))
            case .settle where cell.desired == .stopped:
                #expect(next == .require([.release(volume, holder: "u-1")]))
            default: #expect(next == plain)
            }
        }
    }

    @Test("An image is pulled before a create only if it is wanted fresh or found missing")
    func images() {
        var specification = instance()
        #expect(Self.machine(specification, .running, .missing, .list).next == Self.create)
        specification.container.labels["io.rancher.container.pull_image"] = "always"
        let fresh = ImageSpecification(reference: "nginx", alwaysPull: true)
        #expect(Self.machine(specification, .running, .missing, .list).next == .require([.image(fresh)]))
        #expect(Self.machine(specification, .running, .present(.created), .list).next == Self.start)
    }

    @Test("That the container has vanished is noticed before an image is pulled for it (defect 34)")
    func vanishedBeforePull() {
        var specification = instance(externalID: "c9")
        specification.container.labels["io.rancher.container.pull_image"] = "always"
        for source in Source.allCases {
            var machine = Self.machine(specification, .running, .missing, source)
            if source == .list { machine.step(.container(nil)) }
            #expect(machine.next == .fail("Container c9 has been deleted from the host"))
        }
    }

    @Test("A container that has vanished is made anew for a server that wants it so")
    func madeAnew() {
        var specification = instance(externalID: "c9")
        specification.isMadeAnew = true
        var machine = Self.machine(specification, .running, .missing, .inspection)
        #expect(machine.next.isCreate)
        machine.step(.created(id: "c10"))
        #expect(machine.containerID == "c10")
        // A list alone does not tell that there is none.
        #expect(Self.machine(specification, .running, .missing, .list).next != machine.next)
    }

    // MARK: Volumes

    struct VolumeCell: Sendable {
        let desired: VolumeDesire
        let found: OperationOutcome?
        let step: Step
    }

    static let volume = VolumeSpecification(name: "v", driver: "local")
    static let volumeCells: [VolumeCell] = [
        VolumeCell(desired: .active, found: nil, step: .perform(.inspectVolume(volume))),
        VolumeCell(desired: .active, found: .volume(nil), step: .perform(.createVolume(volume))),
        VolumeCell(
            desired: .active, found: .volume(InspectedVolume(driver: "local", mountpoint: "/v")), step: .settle),
        VolumeCell(
            desired: .active, found: .volume(InspectedVolume(driver: "local:latest", mountpoint: "/v")), step: .settle),
        VolumeCell(
            desired: .active, found: .volume(InspectedVolume(driver: "nfs", mountpoint: "/v")),
            step: .fail("Volume v exists with driver nfs instead of local")),
        VolumeCell(
            desired: .active, found: .volume(InspectedVolume(driver: "local", mountpoint: "moved")),
            step: .perform(.removeVolume(name: "v", force: true))),
        VolumeCell(desired: .removed, found: nil, step: .perform(.inspectVolume(volume))),
        VolumeCell(desired: .removed, found: .volume(nil), step: .settle),
        VolumeCell(
            desired: .removed, found: .volume(InspectedVolume(driver: "local", mountpoint: "/v")),
            step: .perform(.removeVolume(name: "v", force: false))),
        // It lives on, on another host.
        VolumeCell(
            desired: .removed, found: .volume(InspectedVolume(driver: "local", mountpoint: "moved")), step: .settle),
    ]

    static let plugin = VolumeSpecification(name: "v", driver: "flex")
    /// The volumes of a storage plug-in: what follows each call.
    static let pluginCells: [(desired: VolumeDesire, mayBeMounted: Bool, done: [PluginCall], step: Step)] = [
        (.active, false, [], .perform(.callPlugin(.create, plugin))),
        (.active, false, [.create], .perform(.callPlugin(.attach, plugin))),
        (.active, false, [.create, .attach], .perform(.callPlugin(.mount, plugin))),
        (.active, false, [.create, .attach, .mount], .settle),
        (.active, true, [], .perform(.callPlugin(.create, plugin))),
        (.inactive, false, [], .perform(.callPlugin(.unmount, plugin))),
        (.inactive, false, [.unmount], .settle),
        (.inactive, true, [], .perform(.callPlugin(.unmount, plugin))),
        (.inactive, true, [.unmount], .settle),
        (.removed, false, [], .perform(.callPlugin(.remove, plugin))),
        (.removed, false, [.remove], .settle),
        (.removed, true, [], .perform(.callPlugin(.unmount, plugin))),
        (.removed, true, [.unmount], .perform(.callPlugin(.remove, plugin))),
        (.removed, true, [.unmount, .remove], .settle),
    ]

    @Test(
        "A volume of a storage plug-in is created, attached and mounted, unmounted, and removed",
        arguments: pluginCells.indices)
    func pluginTable(_ index: Int) {
        let cell = Self.pluginCells[index]
        var machine = VolumeMachine(Self.plugin, desired: .active, holder: "u-0")
        if cell.mayBeMounted {
            for outcome in [OperationOutcome.keptByPlugin, .pluginDone(mountpoint: ""), .pluginDone(mountpoint: "")] {
                machine.step(outcome)
            }
            machine.step(.pluginDone(mountpoint: "/mnt/v"))
            machine.step()
            #expect(machine.phase == .active)
            #expect(machine.mountpoint == "/mnt/v")
            if cell.desired == .removed { machine.held(onlyBy: []) }
        }
        machine.wished(VolumeMachine(Self.plugin, desired: cell.desired, holder: "u-0"))
        if case .perform(.inspectVolume) = machine.next { machine.step(.keptByPlugin) }
        for call in cell.done {
            #expect(machine.next == .perform(.callPlugin(call, Self.plugin)))
            machine.step(.pluginDone(mountpoint: call == .mount ? "/mnt/v" : ""))
        }
        #expect(machine.next == cell.step)
    }

    @Test("A volume takes the step that its table names (defect 60)", arguments: volumeCells.indices)
    func volumeTable(_ index: Int) {
        let cell = Self.volumeCells[index]
        var machine = VolumeMachine(Self.volume, desired: cell.desired)
        if let found = cell.found { machine.ended(.inspectVolume(Self.volume), found) }
        #expect(machine.next == cell.step)
    }

    @Test("A removed volume is settled once it is gone")
    func volumeRemoved() {
        var machine = VolumeMachine(Self.volume, desired: .removed)
        machine.ended(.inspectVolume(Self.volume), .volume(InspectedVolume(driver: "local", mountpoint: "/v")))
        #expect(machine.step(.removed) == .perform(.removeVolume(name: "v", force: false)))
        #expect(machine.phase == .removing)
        #expect(machine.step() == .settle)
        #expect(machine.phase == .removed)
    }

    @Test("A directory of the host is neither created nor removed", arguments: VolumeDesire.allCases)
    func unmanaged(_ desired: VolumeDesire) {
        #expect(VolumeMachine(VolumeSpecification(name: "v", driver: ""), desired: desired).next == .settle)
        #expect(VolumeMachine(VolumeSpecification(name: "", driver: "local"), desired: desired).next == .settle)
    }

    // MARK: Images

    struct ImageCell: Sendable {
        let alwaysPull: Bool
        let tag: String
        let found: OperationOutcome?
        let step: Step
    }

    static let inspect = Step.perform(.inspectImage(reference: "nginx"))
    static let pull = Step.perform(.pullImage(reference: "nginx", credential: nil))
    static let tagging = Step.perform(.tagImage(reference: "nginx", tagged: "nginx-tmp"))
    static let imageCells: [ImageCell] = [
        ImageCell(alwaysPull: false, tag: "", found: nil, step: inspect),
        ImageCell(alwaysPull: false, tag: "", found: .image(nil), step: pull),
        ImageCell(alwaysPull: false, tag: "", found: .image(.bool(true)), step: .settle),
        ImageCell(alwaysPull: false, tag: "-tmp", found: nil, step: inspect),
        ImageCell(alwaysPull: false, tag: "-tmp", found: .image(nil), step: pull),
        ImageCell(alwaysPull: false, tag: "-tmp", found: .image(.bool(true)), step: tagging),
        ImageCell(alwaysPull: true, tag: "", found: nil, step: pull),
        ImageCell(alwaysPull: true, tag: "", found: .image(nil), step: pull),
        ImageCell(alwaysPull: true, tag: "", found: .image(.bool(true)), step: pull),
        ImageCell(alwaysPull: true, tag: "-tmp", found: nil, step: pull),
        ImageCell(alwaysPull: true, tag: "-tmp", found: .image(.bool(true)), step: pull),
    ]

    @Test("An image takes the step that its table names", arguments: imageCells.indices)
    func imageTable(_ index: Int) {
        let cell = Self.imageCells[index]
        var machine = ImageMachine(
            ImageSpecification(reference: "nginx", temporaryTag: cell.tag, alwaysPull: cell.alwaysPull),
            desired: .present)
        if let found = cell.found { machine.ended(.inspectImage(reference: "nginx"), found) }
        #expect(machine.next == cell.step)
    }

    @Test("Taking a temporary tag off touches only the tag")
    func release() {
        let specification = ImageSpecification(reference: "nginx", temporaryTag: "-tmp")
        var machine = ImageMachine(specification, desired: .removed)
        #expect(machine.step(.removed) == .perform(.removeImage(reference: "nginx-tmp")))
        #expect(machine.step() == .settle)
        #expect(machine.phase == .removed)
    }
}
