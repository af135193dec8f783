import Bootstrap
import Testing

@Suite("The words behind the image")
struct EntryModeTests {
    @Test(
        "say what the container does",
        arguments: [
            (["http://server:8080/v1/scripts/T"], EntryMode.launch(url: "http://server:8080/v1/scripts/T")),
            (["https://server/v3/scripts/T"], .launch(url: "https://server/v3/scripts/T")),
            (["upgrade"], .upgrade), (["inspect-host"], .inspectHost), (["state"], .prepareState),
            (["state", "show", "web"], .command(["state", "show", "web"])), (["run"], .run([])),
            (["run", "-url", "http://s"], .run(["-url", "http://s"])), (["/run.sh", "k8srun"], .run([])),
            (["--", "ls", "-l"], .execute(["ls", "-l"])), (["--"], .execute([])),
            (["--version"], .command(["--version"])),
            ([], .command(["--help"])), (["register"], .nothingToRegister),
        ])
    func modes(words: [String], expected: EntryMode) {
        #expect(EntryMode(words: words, environment: [:]) == expected)
    }

    @Test("take the URL of register from RANCHER_URL, and nothing from an empty one")
    func register() {
        #expect(
            EntryMode(words: ["register"], environment: ["RANCHER_URL": "http://s/x"]) == .launch(url: "http://s/x"))
        #expect(EntryMode(words: ["register"], environment: ["RANCHER_URL": ""]) == .nothingToRegister)
    }
}
