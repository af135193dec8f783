import Foundation
import Model
import RancherAPI
import SimulatedEngine
import Store

@testable import Reconciler

/// The server: sends events, asks again, and takes answers as well as it can.
extension World {
    // MARK: Asking

    func askForSomething() {
        guard let wish = drawWish() else { return }
        if trouble(15), let old = errands.last(where: { $0.wish.instance != nil })?.wish {
            meet(.sameWishNewID)
            ask(old)
        } else {
            ask(wish)
        }
    }

    @discardableResult
    func ask(_ wish: Wish, wantsAnswer: Bool? = nil) -> Int {
        let number = errands.count
        let id = "e\(number)"
        var isReadable = true
        if case .unreadableFrame = wish { isReadable = false }
        // Without an address and a known name there is nothing to do.
        let wants = isReadable && (wantsAnswer ?? (wish == .unknownName || !random.chance(5)))
        if isReadable, !wants { meet(.questionWithoutReplyTo) }
        let replyTo = wants ? "reply.\(number)" : nil
        let frame = Frames.text(wish, id: id, replyTo: replyTo, time: clock.wall.milliseconds)
        errands.append(Errand(number: number, id: id, replyTo: replyTo, wish: wish, frame: frame))
        noteWish(wish)
        send(number)
        return number
    }

    private func noteWish(_ wish: Wish) {
        switch wish {
        case .activate(let instance), .deactivate(let instance), .remove(let instance):
            if case .activate = wish {
                meet(.activation)
            } else if case .remove = wish {
                meet(.removal)
            } else {
                meet(.deactivation)
            }
            if instance.isNoop { meet(.noop) }
        case .removeVolume: meet(.volumeRemoval)
        case .pull(_, let isComplete): meet(isComplete ? .imageRelease : .pull)
        case .lookForImage: meet(.imageInspection)
        case .inspect: meet(.inspection)
        case .unknownName: meet(.unknownName)
        case .unreadableField: meet(.unreadableField)
        case .unreadableFrame: meet(.unreadableFrame)
        }
    }

    /// Sends the event, for the first time or again.
    func send(_ number: Int) {
        errands[number].sendings += 1
        if errands[number].sendings == 1 { errands[number].firstSent = steps }
        write("server sends e\(number): \(errands[number].wish.title)")
        if connectionIsUp, isAlive, !trouble(scenario.serverFaults / 3) {
            put(.frameArrives(number, life: life), in: 1...40)
            if trouble(4) {
                meet(.sameIDAgain)
                put(.frameArrives(number, life: life), in: 1...3000)
            }
        } else {
            meet(.frameLost)
        }
        guard errands[number].wantsAnswer || trouble(30) else { return }
        put(.serverAsksAgain(number), in: isPeaceful ? 2000...5000 : 3000...20_000)
    }

    func askAgain(_ number: Int) {
        let errand = errands[number]
        if errand.isAnswered {
            // A copy that was under way for long.
            if trouble(10) {
                meet(.sameIDAgain)
                send(number)
            }
            return
        }
        guard isPeaceful ? errand.wantsAnswer && errand.left.isEmpty : errand.sendings < 4 else { return }
        if errand.wantsAnswer { meet(.askedAgainAfterSilence) }
        send(number)
    }

    func frameArrives(_ number: Int, _ life: Int) {
        guard life == self.life, isAlive, connectionIsUp else { return meet(.frameLost) }
        // As the shell sorts frames.
        switch codec.read(frame: errands[number].frame) {
        case .event(let event):
            if trouble(1) {
                meet(.overflow)
                give(.overflow(event.header, reason: "The agent is too far behind to take the event"))
            } else {
                give(.event(event))
            }
        case .malformed(let reason): give(.malformedFrame(frame: errands[number].frame, reason: reason))
        case .blank, .heartbeat: break
        }
    }

    // MARK: Being there

    func serverGoes() {
        guard serverIsUp else { return }
        meet(.serverOutage)
        write("the server goes away")
        serverIsUp = false
        connectionIsUp = false
        put(.serverComes, in: 500...40_000)
    }

    func serverComes() {
        guard !serverIsUp else { return }
        write("the server is back")
        serverIsUp = true
        put(.connectionOpens(life: life), in: 100...3000)
    }

    func connectionOpens(_ life: Int) {
        guard life == self.life, isAlive, serverIsUp else { return }
        write("process \(life) is connected")
        connectionIsUp = true
        give(.serverReached)
    }

    // MARK: Taking answers

    func post(_ body: String, to eventID: String) throws {
        let number = try errand(eventID)
        try laws.hold(.noneUnasked, errands[number].wantsAnswer, eventID)
        if errands[number].left.last != body { errands[number].left.append(body) }
        try laws.hold(.oneAnswer, errands[number].left.count == 1, "\(eventID): \(errands[number].left)")
        try check(body, of: number)
        try checkIsSoNow(number)
        write("answer leaves: \(eventID) \(body.prefix(160))")
        lettersUnderWay += 1
        try laws.hold(.bounded, lettersUnderWay <= limits.publishesInFlight, "\(lettersUnderWay) answers on their way")
        letterCount += 1
        let letter = Letter(number: letterCount, errand: number, body: body, life: life)
        if trouble(scenario.serverFaults / 2) {
            meet(.publishLost)
            agenda.put(.receiptArrives(letter, isTaken: false, isFinal: false), at: clock.elapsed + 30_000)
        } else {
            put(.answerArrives(letter), in: 1...60)
        }
        defect?.posted(letter, self)
    }

    func postUnstored(_ body: String, to eventID: String) throws {
        let number = try errand(eventID)
        try laws.hold(.noneUnasked, errands[number].wantsAnswer, eventID)
        meet(.unstoredAnswer)
        try laws.hold(.answerStored, disk.isFull || met.contains(.overflow), "\(eventID) could have been stored")
        let reply = Reply(body)
        try laws.hold(.answerFits, reply?.failure != nil && reply?.eventID == eventID, body)
        if serverIsUp { errands[number].wasTurnedAway = true }
    }

    func progressLeaves(_ body: String, of eventID: String) throws {
        let number = try errand(eventID)
        let reply = Reply(body)
        try laws.hold(
            .answerFits, reply?.isProgress == true && reply?.name == errands[number].replyTo, "progress \(body)")
        try laws.hold(
            .answerFits, errands[number].left.isEmpty || errands[number].wasTurnedAway,
            "progress of \(eventID) after its answer")
    }

    /// What is answered is so when the answer leaves, unless people have changed it or somebody wants something else.
    private func checkIsSoNow(_ number: Int) throws {
        let errand = errands[number]
        guard let uuid = errand.wish.instance?.uuid, errand.answer?.failure == nil,
            touched[uuid, default: -1] < errand.firstSent,
            let row = try disk.store.resource(ResourceKey(.instance, uuid)), row.isSettled
        else { return }
        // A later wish may have ended in the same phase, or be shown in it by a late event.
        let events = try disk.store.events(about: row.key, limit: 200)
        guard events.contains(where: { $0.header.id == errand.id && $0.generation == row.generation }) else { return }
        switch (errand.wish, row.phase) {
        case (.activate, "running"), (.deactivate, "stopped"), (.remove, "removed"):
            try laws.hold(.wishHolds, isSo(errand.wish), "\(errand.id) \(errand.wish.title), now")
        default: break
        }
    }

    private func check(_ body: String, of number: Int) throws {
        let errand = errands[number]
        guard let reply = Reply(body) else { throw breach(.answerFits, body) }
        try laws.hold(
            .answerFits, !reply.isProgress && reply.name == errand.replyTo && reply.eventID == errand.id, body)
        guard let failure = reply.failure else { return }
        if failure.contains("takes no more") { meet(.tooManyEvents) }
        try laws.hold(.errorHonest, !failure.isEmpty && isHonest(failure), "\(errand.id): \(failure)")
    }

    /// That nobody knows what became of a call is only said of what cannot be found out by looking: a pull that broke
    /// again and again, and what a storage plug-in was asked to do.
    private func isHonest(_ failure: String) -> Bool {
        if scenario.isCalm, isPeaceful || !scenario.setsClock, !isExpected(failure) { return false }
        for part in failure.components(separatedBy: "[call ").dropFirst() {
            guard let number = Int(part.prefix { $0.isNumber }), calls.indices.contains(number) else { return false }
            switch calls[number].operation {
            case .pullImage, .callPlugin: continue
            default: return false
            }
        }
        return true
    }

    /// What may be answered although nothing goes wrong.
    private func isExpected(_ failure: String) -> Bool {
        [
            "superseded by", "takes no more", "does not handle events", "memory: ", "has been deleted from the host",
            "Timeout getting IP address", "cannot mount", "manifest for", "Failed to stop container", "is in use",
            "exists with driver", "too far behind", "Container c", "No such container", "is running",
        ].contains { failure.contains($0) }
    }

    func answerArrives(_ letter: Letter) throws {
        guard serverIsUp else { return receipt(letter, isTaken: false, after: 1...20) }
        if trouble(scenario.serverFaults / 2) {
            meet(.publishRefused)
            write("the server refuses the answer to e\(letter.errand)")
            return receipt(letter, isTaken: false, after: 1...200)
        }
        if trouble(scenario.serverFaults / 8) {
            meet(.answerRefusedForGood)
            errands[letter.errand].isRefusedForGood = true
            write("the server will never take the answer to e\(letter.errand)")
            return receipt(letter, isTaken: false, isFinal: true, after: 1...20)
        }
        errands[letter.errand].taken[letter.body, default: 0] += 1
        if errands[letter.errand].taken[letter.body, default: 0] > 1 { meet(.answerTakenTwice) }
        try laws.hold(
            .oneAnswer, errands[letter.errand].taken.count == 1, "e\(letter.errand): \(errands[letter.errand].taken)")
        write("the server takes the answer to e\(letter.errand)")
        if trouble(scenario.serverFaults / 2) {
            meet(.receiptLost)
            return receipt(letter, isTaken: false, after: 20...10_000)
        }
        receipt(letter, isTaken: true, after: 1...100)
    }

    private func receipt(_ letter: Letter, isTaken: Bool, isFinal: Bool = false, after range: ClosedRange<Int>) {
        guard letter.life == life, isAlive else { return }
        put(.receiptArrives(letter, isTaken: isTaken, isFinal: isFinal), in: range)
    }

    func receiptArrives(_ letter: Letter, _ isTaken: Bool, _ isFinal: Bool) {
        guard letter.life == life, isAlive else { return }
        lettersUnderWay -= 1
        let id = errands[letter.errand].id
        let receipt =
            isTaken
            ? Input.delivered(eventID: id) : Input.undelivered(eventID: id, reason: "503", isFinal: isFinal)
        give(defect?.receipt(receipt) ?? receipt)
    }

    /// The process is gone: some of its answers still arrive, no receipt does.
    func abandonLetters() {
        lettersUnderWay = 0
        var vanished: Set<Int> = []
        for happening in agenda.happenings {
            switch happening {
            case .answerArrives(let letter) where letter.life == life:
                if random.chance(50) {
                    meet(.answerArrivesAfterKill)
                } else {
                    meet(.answerVanishesWithKill)
                    vanished.insert(letter.number)
                }
            case .receiptArrives(let letter, true, _) where letter.life == life: meet(.killedBetweenTakingAndNoting)
            default: break
            }
        }
        agenda.remove { if case .answerArrives(let letter) = $0 { vanished.contains(letter.number) } else { false } }
    }

    func errand(_ eventID: String) throws -> Int {
        guard let number = Int(eventID.dropFirst()), errands.indices.contains(number) else {
            throw breach(.noneUnasked, "an answer to \(eventID), which nobody sent")
        }
        return number
    }

    // MARK: Wishes

    private func drawWish() -> Wish? {
        let uuid = random.pick(uuids)
        var instance = Wish.Instance(uuid: uuid)
        // The container as the server knows it, sooner or later.
        if random.chance(50) { instance.externalID = engine.containers(of: uuid).first?.id ?? "" }
        instance.isVerbose = random.chance(5)
        switch random.number(0...99) {
        case 0..<42:
            if random.chance(40) { instance.volumes = random.chance(50) ? ["v"] : ["v", "w"] }
            if random.chance(30) { instance.volumes.append("f") }
            if !instance.volumes.isEmpty { meet(instance.volumes.last == "f" ? .volumeByPlugin : .volumeByEngine) }
            if random.chance(20) {
                instance.network = "cni"
                meet(.ownNetwork)
            }
            instance.pullsAlways = random.chance(10)
            instance.isNoop = random.chance(4)
            return .activate(instance)
        case 42..<58:
            instance.isNoop = random.chance(4)
            return .deactivate(instance)
        case 58..<74: return .remove(instance)
        case 74..<80:
            let name = random.pick(["v", "w", "f", "f"])
            return .removeVolume(name: name, driver: Frames.driver(ofVolume: name))
        case 80..<85: return .pull(mark: random.chance(50) ? "-tmp" : "", isComplete: false)
        case 85..<88: return .pull(mark: random.chance(80) ? "-tmp" : "", isComplete: true)
        case 88..<90: return .lookForImage
        case 90..<93: return .inspect(id: instance.externalID, name: "r-web-\(uuid.prefix(2))")
        case 93..<95: return .unknownName
        case 95..<97: return .unreadableField(uuid: uuid)
        default:
            return .unreadableFrame(
                random.pick(["{", "[]", #"{"id":"x"}"#, #"{"name":"compute.instance.activate","replyTo":"r"}"#]))
        }
    }
}
