import FakeHost
import HostInfo
import LosslessJSON
import Testing

@Suite("The disk benchmark")
struct IOPSTests {
    private func output(_ kind: String, iops: String, disk: String = "sda") -> String {
        #"{"jobs":[{"jobname":"x","\#(kind)":{"iops":\#(iops)}}],"disk_util":[{"name":"\#(disk)"}]}"#
    }

    @Test("is reported under the device's path, which is the default disk (defect 96)")
    func both() throws {
        let host = try FakeHost()
        try host.write("state/read.json", output("read", iops: "1234.5"))
        try host.write("state/write.json", output("write", iops: "600"))
        #expect(
            IOPSInfo(stateDirectory: host.state)?.json.encodedText == #"{"/dev/sda":{"read":1234.5,"write":600}}"#)
        #expect(IOPSInfo.defaultDisk(stateDirectory: host.state) == "/dev/sda")
    }

    @Test("that was not run is nothing")
    func none() throws {
        let host = try FakeHost()
        #expect(IOPSInfo(stateDirectory: host.state) == nil)
        #expect(IOPSInfo.defaultDisk(stateDirectory: host.state) == nil)
    }

    @Test(
        "whose file cannot be read is as if it was not run (defect 96)",
        arguments: [
            "", "fio: no such disk", "{", "[]", "{}", #"{"disk_util":[]}"#, #"{"disk_util":[{"name":""}]}"#,
            #"{"disk_util":{"name":"sda"}}"#, #"{"disk_util":[{"name":"s d a"}]}"#, #"{"disk_util":[{"name":null}]}"#,
        ])
    func broken(text: String) throws {
        let host = try FakeHost()
        try host.write("state/read.json", text)
        #expect(IOPSInfo(stateDirectory: host.state) == nil)
        // And does not spoil the other.
        try host.write("state/write.json", output("write", iops: "7"))
        #expect(IOPSInfo(stateDirectory: host.state)?.json.encodedText == #"{"/dev/sda":{"write":7}}"#)
    }

    @Test("may begin with warnings, name the whole path, lack a figure or be about two disks")
    func lenient() throws {
        let host = try FakeHost()
        try host.write("state/read.json", "fio: warning\n" + output("read", iops: "5", disk: "/dev/nvme0n1"))
        #expect(IOPSInfo(stateDirectory: host.state)?.json.encodedText == #"{"/dev/nvme0n1":{"read":5}}"#)
        try host.write("state/write.json", output("write", iops: "6"))
        #expect(IOPSInfo(stateDirectory: host.state)?.write == nil)
        try host.write("state/read.json", output("write", iops: "5"))
        #expect(IOPSInfo(stateDirectory: host.state)?.json.encodedText == #"{"/dev/sda":{"write":6}}"#)
    }
}
