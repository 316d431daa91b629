"""The two libraries as files."""

import subprocess
import unittest

from stand import PLUGIN


class Files(unittest.TestCase):
    @staticmethod
    def lines(*command):
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()

    def exported(self, library):
        return sorted(line.split()[-1] for line in self.lines("nm", "-D", "--defined-only", library))

    def dynamic(self, library):
        return "\n".join(self.lines("readelf", "-dW", library))

    def test_the_plugin(self):
        self.assertEqual(self.exported(PLUGIN), ["conf_init", "ds_rdkafka_attach"])
        # librdkafka closes its plugins, while threads of ours go on.
        self.assertIn("NODELETE", self.dynamic(PLUGIN))
        # Which librdkafka it is comes out when one calls.
        self.assertNotIn("rdkafka.so", self.dynamic(PLUGIN))

    def test_the_preloaded_one(self):
        preload = PLUGIN.with_name("libdatastreams_rdkafka_preload.so")
        self.assertEqual(self.exported(preload), ["rd_kafka_conf_destroy", "rd_kafka_new"])
        self.assertLess(preload.stat().st_size, 64 << 10, "it comes into every process")
        self.assertNotIn("rdkafka", self.dynamic(preload))
