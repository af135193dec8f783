import Lifecycle
import LosslessJSON
import Model
import Store
import Testing

@testable import Inspection

@Suite("Reports")
struct ReportTests {
    let store: Store
    let now = Fixture.now

    init() throws { store = try Fixture.filled() }

    private func text(_ width: Int?, colours: Bool = false) throws -> String {
        try Snapshot(of: store).text(now: now, style: ReportStyle(width: width, isColoured: colours))
    }

    private func show(_ name: String, width: Int? = nil, environment: Bool = false) throws -> String {
        try #require(
            try Fixture.show(name, in: store, environment: environment, style: ReportStyle(width: width))
        ).text
    }

    @Test("An empty store says so")
    func emptyStore() throws {
        #expect(try Snapshot(of: Store.inMemory()).text(now: now) == "Nothing is known yet.")
    }

    @Test("No line is longer than the terminal is wide", arguments: [20, 41, 60, 80, 100, 200])
    func linesFit(width: Int) throws {
        for line in try text(width).split(separator: "\n") {
            #expect(String(line).columns <= width, "\(line)")
        }
    }

    @Test("A wide terminal shows every column, a narrow one the important ones")
    func columnsGiveWay() throws {
        for title in ["NAME", "ID", "DESIRED", "PHASE", "CONTAINER", "TRIES", "NEXT TRY", "LAST ERROR"] {
            #expect(try text(200).contains(title))
            #expect(try text(100).contains(title))
        }
        let narrow = try text(60)
        for title in ["NAME", "PHASE", "LAST ERROR"] { #expect(narrow.contains(title)) }
        #expect(!narrow.contains("CONTAINER"))
        #expect(narrow.contains("…"))
    }

    @Test("Without a terminal nothing is cut and nothing is coloured")
    func nothingIsCut() throws {
        let whole = try text(nil)
        #expect(whole.contains(Fixture.longError))
        #expect(!whole.contains("…"))
        #expect(!whole.contains("\u{1B}"))
    }

    @Test("The columns of a table begin below each other")
    func columnsAreAligned() throws {
        let lines = try text(200).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let header = try #require(lines.first { $0.hasPrefix("NAME") })
        let row = try #require(lines.first { $0.hasPrefix("web ") })
        let position = try #require(header.firstRange(of: "PHASE")).lowerBound
        #expect(row[position...].hasPrefix("preparing "))
    }

    @Test("The overview tells kinds apart, says when the next try is and sums up")
    func overview() throws {
        let whole = try text(nil)
        #expect(whole.contains("Instances\n"))
        #expect(whole.contains("Volumes\n"))
        #expect(whole.contains("Images\n"))
        #expect(whole.contains("c0ffeec0ffee "))
        #expect(!whole.contains("c0ffeec0ffeec"))
        #expect(whole.contains("in 3s"))
        #expect(
            whole.hasSuffix(
                "Pending: 2, open events: 1 (oldest since 40 s), undelivered answers: 1 (oldest since 45 s), quarantined: 1"
            ))
    }

    @Test("What a terminal would obey is not printed")
    func controlCharactersAreRemoved() throws {
        #expect(try text(nil).contains("no such container [31mred"))
        #expect("a\u{202E}b\r\nc\u{7}".onOneLine == "a b c")
    }

    @Test("What a terminal would obey is not printed, wherever it was", arguments: [nil, 40, 100])
    func controls(width: Int?) throws {
        let store = try Store.inMemory()
        try Fixture.fillWithControls(store)
        let style = ReportStyle(width: width)
        let key = "volume:odd\(Fixture.controls)key"
        let dossier = try #require(try Fixture.dossier(key, in: store))
        var reports = [
            try Snapshot(of: store).text(now: now, style: style),
            try #require(try Fixture.show(key, in: store, style: style)).text,
            Timeline(of: dossier, limit: 9).text(now: now, style: style),
            try WatchReport(of: store).text(now: now, style: style),
            ResourceQuery.list(try store.allResources(), style: style),
        ]
        for name in [key, "oddly\(Fixture.controls)1", "frame:1"] {
            guard case .found(let why) = try WhyQuery.run(name, now: now, in: store) else {
                Issue.record("nothing for \(name.onOneLine)")
                continue
            }
            reports.append(why.text(style: style))
        }
        // Resources, events, and what is in quarantine.
        for name in ["odd", "oddly", "spoilt"] {
            guard case .several(let lines) = try WhyQuery.run(name, now: now, in: store) else {
                Issue.record("not several of \(name)")
                continue
            }
            #expect(lines.allSatisfy { !$0.contains("\n") })
            reports += lines
        }
        for report in reports {
            #expect(report.contains("odd") || report.contains("spoilt"))
            #expect(!report.hasControls, "\(report.debugDescription)")
        }
    }

    @Test("Colours do not move the columns")
    func coloursDoNotMoveColumns() throws {
        let coloured = try text(100, colours: true)
        #expect(coloured.contains("\u{1B}[31mfailed\u{1B}[0m"))
        #expect(coloured.replacing(#/\u{1B}\[[0-9]+m/#, with: "") == (try text(100)))
    }

    @Test("A section without rows is left out")
    func emptySectionsAreLeftOut() throws {
        let store = try Store.inMemory()
        try store.put(Fixture.row(Fixture.data, name: "data", desired: "active", phase: "active"))
        let text = try Snapshot(of: store).text(now: now)
        #expect(text.contains("\n\nVolumes\n"))
        #expect(!text.contains("Instances"))
        #expect(!text.contains("CONTAINER"))
    }

    // MARK: One resource

    @Test("What waits for another resource says for which, and how that is doing")
    func waitingForAnother() throws {
        let text = try show("web")
        #expect(
            text.contains("The instance web (\(Fixture.web)) waits for a pull that fails, for its image nginx:latest."))
        #expect(text.contains("It waits for image:nginx:latest, which is pulling (\(Fixture.longError))."))
        #expect(text.contains("running, by compute.instance.activate (e2) 40 s ago"))
        #expect(text.contains("Container:   \(String(repeating: "c0ffee", count: 10))beef"))
    }

    @Test("What waits for the engine says why and when it goes on")
    func waitingForTheEngine() throws {
        let text = try show("nginx:latest")
        #expect(text.contains("It was tried 3 times without a known result. The last error: \(Fixture.longError)."))
        #expect(text.contains("The next try is in 3 s (2026-09-21T14:13:22.523Z)."))
        #expect(text.contains("present, needed by \(Fixture.web)"))
        #expect(text.contains("Needed by:   \(Fixture.web)"))
    }

    @Test("A next try that is long overdue raises the question whether the agent runs")
    func overdue() throws {
        let show = try #require(try Fixture.show("nginx:latest", in: store, now: now + .seconds(600)))
        #expect(show.text.contains("The next try is due since 9 min (2026-09-21T14:13:22.523Z): is the agent running?"))
    }

    @Test("What failed says with what, and which answer is still under way")
    func failed() throws {
        let text = try show("1i21")
        #expect(text.contains(" could not be made stopped, and nothing more is tried.\n"))
        #expect(text.contains("The last error: no such container [31mred."))
        #expect(
            text.contains(
                "The failure of compute.instance.deactivate (event e3) was decided 45 s ago (2026-09-21T14:12:35.123Z), and "
                    + "the server has not taken the answer yet: 4 tries, the last one failed with: HTTP 502. It is sent "
                    + "again in 3 s (2026-09-21T14:13:23.123Z)."))
    }

    @Test("What is settled says so")
    func settled() throws {
        #expect(try show("data").contains("The volume data is active, as wanted."))
    }

    @Test("What has changed by itself says so")
    func drifted() throws {
        try store.put(Fixture.row(Fixture.db, name: "db", desired: "running", phase: "stopped"))
        #expect(try show("db").contains("was made running and has become stopped since."))
    }

    @Test("Work in progress is told with its duration")
    func working() throws {
        try store.put(
            Fixture.row(
                Fixture.data, name: "data", desired: "removed", phase: "removing", settled: false,
                activity: "Removing volume data"))
        #expect(
            try show("data").contains("Right now, since 30 s ago (2026-09-21T14:12:50.123Z): Removing volume data."))
    }

    @Test("The history names every move with its cause")
    func history() throws {
        let text = try show("web")
        #expect(text.contains("2026-09-21T14:05:00.123Z"))
        let row = try #require(text.split(separator: "\n").last).split(separator: " ", maxSplits: 6)
        #expect(row.prefix(6) == ["2026-09-21T14:12:40.123Z", "40s", "requested", "→", "preparing", "2"])
        #expect(row.last?.trimmingPrefix(" ") == "needs image:nginx:latest")
    }

    @Test("No line about one resource is longer than the terminal is wide", arguments: [20, 40, 60, 100, 200])
    func showFits(width: Int) throws {
        for name in ["web", "db-of", "data", "nginx:latest"] {
            for line in try show(name, width: width).split(separator: "\n") {
                #expect(String(line).columns <= width, "\(line)")
            }
        }
    }

    @Test("The specification is told in words, also that of a real machine")
    func specification() throws {
        let text = try show("web")
        #expect(text.contains("nginx -g 'daemon off;'"))
        #expect(text.contains("8080:80/tcp"))
        #expect(text.contains("that of container feedbeef"))
        #expect(text.contains("data (nfs)"))
        #expect(text.contains("MODE, PASSWORD (values not shown)"))
        #expect(text.contains("io.rancher.stack.name=shop"))
        #expect(try show("1i21").contains("cannot be read by this program"))
    }

    @Test("The limits and settings of a container are told, but not what its log driver is given")
    func settings() throws {
        var instance = Fixture.webSpecification
        instance.container.limits.memorySwap = -1
        instance.container.limits.memorySwappiness = 0
        instance.container.limits.ulimits = [Ulimit(name: "core", soft: 0, hard: -1)]
        instance.container.blockIO.devices = ["/dev/sda": .init(readBytes: 5)]
        instance.container.healthCheck.command = ["CMD", "true"]
        instance.container.isolation.processes = "host"
        instance.container.devices = [DeviceMapping(hostPath: "/dev/a", containerPath: "/dev/b", permissions: "r")]
        instance.container.log.driver = "splunk"
        instance.container.log.options = ["splunk-token": "hunter2-log"]
        let store = try Store.inMemory()
        let machine = Fixture.machine(.instance(InstanceMachine(instance, desired: .running)))
        try store.transaction {
            try store.put(
                Fixture.row(
                    instance.key, name: "web", desired: "running", phase: "requested", machine: machine,
                    specification: Fixture.text(of: instance)))
        }
        let show = try #require(try Fixture.show("web", in: store))
        let text = show.text
        for words in [
            "swap and memory unlimited", "swappiness 0 %", "core 0:-1", "/dev/sda (read 5 bytes/s)", "CMD true",
            "processes host", "/dev/a:/dev/b:r", "splunk, 1 options (not shown)",
        ] {
            #expect(text.contains(words), "\(words)")
        }
        let json = show.json["specification"]
        #expect(json["limits"]["memorySwapBytes"] == -1)
        #expect(json["limits"]["memorySwappinessPercent"] == 0)
        #expect(json["limits"]["kernelMemoryBytes"].isNull)
        #expect(json["blockIO"]["devices"][0]["readBytesPerSecond"] == 5)
        #expect(json["log"]["optionCount"] == 1)
        let whole = try #require(try Fixture.show("web", in: store, environment: true))
        for output in [text, whole.json.prettyText] { #expect(!output.contains("hunter2-log")) }
    }

    // MARK: Secrets

    @Test("No secret is in anything that is shown")
    func secretsAreNotShown() throws {
        let snapshot = try Snapshot(of: store)
        var outputs = [snapshot.text(now: now), snapshot.json.prettyText]
        for name in [Fixture.web, Fixture.db, Fixture.data, Fixture.nginx] {
            let show = try #require(try Fixture.show(name.description, in: store))
            outputs += [show.text, show.json.prettyText]
        }
        for output in outputs {
            for secret in Fixture.secrets { #expect(!output.contains(secret)) }
        }
    }

    @Test("No secret is told of what a container is made of, wherever it was", arguments: [false, true])
    func planted(environment: Bool) throws {
        var instance = Fixture.webSpecification
        instance.container.environment = ["MODE": "visible-mode", "EMPTY": ""]
        instance.container.entryPoint = ["sh", "-c", "TOKEN=hunter2-entry go"]
        instance.container.command = ["run", "--password", "hunter2-word", "--user", "visible-user"]
        instance.container.labels = ["db.password": "hunter2 label", "stack": "visible-label", "flag": ""]
        instance.container.healthCheck.command = ["CMD-SHELL", "curl http://u:hunter2-url@visible-host"]
        instance.container.storageOptions = ["o": "hunter2-storage"]
        instance.container.sysctls = ["net.secret": "hunter2-sysctl", "net.plain": "visible-sysctl"]
        let store = try Store.inMemory()
        try store.put(
            Fixture.row(
                instance.key, name: "web", desired: "running", phase: "requested",
                specification: Fixture.text(of: instance)))
        try store.insert(
            TransitionRow(
                key: instance.key, generation: 1, from: "", to: "requested", cause: "password=hunter2-cause", at: now))
        let show = try #require(try Fixture.show("web", in: store, environment: environment))
        for output in [show.text, show.json.prettyText] {
            #expect(!output.contains("hunter2"), "\(output)")
            for kept in ["visible-user", "visible-label", "visible-host", "visible-sysctl"] {
                #expect(output.contains(kept), "\(kept)")
            }
            #expect(output.contains("visible-mode") == environment)
        }
        #expect(show.text.contains("run --password [redacted] --user visible-user"))
        #expect(show.text.contains("db.password=[redacted]"))
        let json = show.json["specification"]
        #expect(json["environment"]["MODE"] == (environment ? "visible-mode" : nil))
        #expect(json["environment"]["EMPTY"] == (environment ? "" : nil))
        #expect(json["stopSignal"].isNull && json["hasCredential"] == true && json["labels"]["flag"] == "")
    }

    @Test("The environment is shown on request, and nothing else with it")
    func environmentOnRequest() throws {
        let show = try #require(try Fixture.show("web", in: store, environment: true))
        for output in [show.text, show.json.prettyText] {
            #expect(output.contains(Fixture.environmentSecret))
            for secret in Fixture.secrets.dropFirst() { #expect(!output.contains(secret)) }
        }
    }

    // MARK: JSON

    @Test("The overview for programs can be read and says the same")
    func overviewJSON() throws {
        let json = try JSON(parsing: Snapshot(of: store).json.prettyText)
        #expect(json["instances"].array?.count == 2)
        #expect(json["volumes"][0]["key"] == "volume:data")
        #expect(json["images"][0]["nextAttemptAt"] == "2026-09-21T14:13:22.523Z")
        #expect(json["images"][0]["attempts"] == 3)
        #expect(json["events"]["open"] == 1)
        #expect(json["replies"]["undelivered"] == 1)
        #expect(json["quarantine"][0]["error"] == "unreadable")
        #expect(json["quarantine"][0]["raw"].isNull)
        #expect(json["pending"] == 2)
    }

    @Test("An empty store is readable for programs too")
    func emptyJSON() throws {
        let json = try JSON(parsing: Snapshot(of: Store.inMemory()).json.prettyText)
        #expect(json["instances"].array == [])
        #expect(json["events"]["oldest"].isNull)
    }

    @Test("One resource for programs has its history, its events and why it waits")
    func showJSON() throws {
        let json = try JSON(parsing: try #require(try Fixture.show("web", in: store)).json.prettyText)
        #expect(json["key"].text == Fixture.web.description)
        #expect(json["history"].array?.count == 4)
        #expect(json["history"][0]["from"].isNull)
        #expect(json["events"][0]["id"] == "e2")
        #expect(json["events"][0]["reply"].isNull)
        #expect(json["events"][1]["reply"]["isFailure"] == false)
        #expect(json["requires"] == ["image:nginx:latest"])
        #expect(json["wantedBy"]["event"] == "e2")
        #expect(json["why"]["reason"] == "image-pull-failing")
        #expect(json["why"]["headline"].text?.hasPrefix("The instance web ") == true)
        #expect(json["why"]["sentences"].array?.count == 4)
        #expect(json["specification"]["environment"].object?.keys == ["MODE", "PASSWORD"])
        #expect(json["specification"]["environment"]["MODE"].isNull)
        #expect(json["specification"]["hasCredential"] == true)
        #expect(json["specification"]["volumes"][0]["driverOptionCount"] == 1)
    }
}
